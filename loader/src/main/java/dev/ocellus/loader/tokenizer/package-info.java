/**
 * Tokenizers of checkpoint folders: {@link dev.ocellus.loader.tokenizer.Tokenizer} is the entry.
 */
package dev.ocellus.loader.tokenizer;
