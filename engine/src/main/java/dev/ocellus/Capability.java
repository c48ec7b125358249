package dev.ocellus;

/** What a model can be asked to do. */
public enum Capability {
    /** Continue a conversation in text. */
    CHAT,
    /** Read images in a conversation. */
    IMAGE_INPUT,
    /** Read several images in one conversation. */
    MULTIPLE_IMAGES
}
