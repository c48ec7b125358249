/** Conversations: turns, templates, image tiles, prompts and cached image features. */
package dev.ocellus.chat;
