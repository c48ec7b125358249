/**
 * From a graph to kernel calls: fusion, packed weight layouts, and one workspace laid out by
 * liveness.
 */
package dev.ocellus.plan;
