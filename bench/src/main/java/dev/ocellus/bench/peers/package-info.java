/** Other engines, as processes that answer commands, measured beside this one. */
package dev.ocellus.bench.peers;
