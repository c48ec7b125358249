/**
 * Chat templates of checkpoint folders: {@link dev.ocellus.loader.template.ChatTemplate} is the
 * entry. Behind it is a small interpreter of the Jinja language that can reach nothing but the
 * values it is given.
 */
package dev.ocellus.loader.template;
