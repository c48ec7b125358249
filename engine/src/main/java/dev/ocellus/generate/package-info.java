/** Token by token: cache pages, prefill in chunks, shared decoding steps, sampling. */
package dev.ocellus.generate;
