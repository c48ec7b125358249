/** Measurements as one page for people: tables, and steps under the machine's roofs. */
package dev.ocellus.measure.report;
