/**
 * Forward passes as explicit graphs: operations, values with shapes, weights by name, and what each
 * costs.
 */
package dev.ocellus.graph;
