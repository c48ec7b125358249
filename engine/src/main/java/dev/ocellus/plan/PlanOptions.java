package dev.ocellus.plan;

import dev.ocellus.kernels.ComputeType;

/**
 * Choices that a plan is made for.
 *
 * @param compute type in which factors of matrix products meet; weights that are not bfloat16
 *     always use float32, and so does attention where no weights are bfloat16 or the cache is not
 */
public record PlanOptions(ComputeType compute) {}
