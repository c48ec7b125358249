/** Typed reading of the JSON files of a checkpoint. */
package dev.ocellus.loader.config;
