/** What users call: open a model, ask, read the answer as it comes. */
package dev.ocellus;
