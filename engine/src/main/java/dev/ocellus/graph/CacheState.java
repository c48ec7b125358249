package dev.ocellus.graph;

/**
 * The inputs that place rows in a paged key/value cache: the sequence of each row (int32 [rows]),
 * its slot in that sequence (int32 [rows]) and the page tables (int64 addresses [sequences,
 * maxPages]).
 */
public record CacheState(CacheShape shape, Value sequence, Value slot, Value pages) {}
