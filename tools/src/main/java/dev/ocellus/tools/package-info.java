/** The command line: arguments in, library calls, text or JSON out. */
package dev.ocellus.tools;
