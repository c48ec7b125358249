package dev.ocellus.loader.image;

/** One value for each of red, green and blue, for samples scaled to 0..1. */
public record PerChannel(double red, double green, double blue) {
    /** Mean of the ImageNet training set: InternVL, Grounding DINO. */
    public static final PerChannel IMAGENET_MEAN = new PerChannel(0.485, 0.456, 0.406);

    /** Standard deviation of the ImageNet training set. */
    public static final PerChannel IMAGENET_STD = new PerChannel(0.229, 0.224, 0.225);

    /** Mean of CLIP's training set. */
    public static final PerChannel CLIP_MEAN = new PerChannel(0.48145466, 0.4578275, 0.40821073);

    /** Standard deviation of CLIP's training set. */
    public static final PerChannel CLIP_STD = new PerChannel(0.26862954, 0.26130258, 0.27577711);

    double at(int channel) {
        return switch (channel) {
            case 0 -> red;
            case 1 -> green;
            case 2 -> blue;
            default -> throw new IndexOutOfBoundsException(channel);
        };
    }
}
