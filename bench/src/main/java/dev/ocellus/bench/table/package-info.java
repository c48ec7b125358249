/** The table of speeds beside peers and ceilings: what is measured, how, and what it should be. */
package dev.ocellus.bench.table;
