/** Text rules that tokenizers and chat templates share; not for use outside this module. */
package dev.ocellus.loader.text;
