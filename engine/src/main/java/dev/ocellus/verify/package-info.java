/**
 * Runs parity cases: a checkpoint and inputs through this engine, compared with what a reference
 * made of them.
 */
package dev.ocellus.verify;
