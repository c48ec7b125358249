/**
 * Where plans run: devices, packed weights, runnable plans and their profiles. A device is one
 * interface; nothing above this package knows which kernels it has.
 */
package dev.ocellus.device;
