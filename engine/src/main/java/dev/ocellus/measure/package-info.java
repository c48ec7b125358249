/** Measures opened models: speed at given lengths, shares of the machine's ceilings, profiles. */
package dev.ocellus.measure;
