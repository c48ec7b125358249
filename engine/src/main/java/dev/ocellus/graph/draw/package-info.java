/**
 * What can be seen of graphs and plans: drawings as DOT and SVG, and tables of their cost. Repeated
 * layers are folded into one where that is asked for.
 */
package dev.ocellus.graph.draw;
