/**
 * One class for each architecture, readable against its paper, and the configs they are made from.
 */
package dev.ocellus.model;
