package dev.ocellus.device;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.ModelPlans;
import dev.ocellus.OpenOptions;
import dev.ocellus.kernels.cuda.SoftGpu;
import dev.ocellus.loader.random.ModelPresets;
import dev.ocellus.loader.random.RandomCheckpoint;
import dev.ocellus.plan.Plan;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/** What a layer of published shapes launches where a library does the products; nothing is run. */
class CudaLaunchesTest {
    private static final int LAYERS = 3;

    @TempDir private Path folder;

    @BeforeEach
    void require() {
        SoftGpu.requireSoftware();
    }

    /** The second layer, as the first and the last one have neighbours of their own. */
    private List<String> layer(String preset, Function<ModelPlans, Plan> planOf, String first) {
        ObjectNode config = ModelPresets.config(preset);
        config.put("num_hidden_layers", LAYERS);
        RandomCheckpoint.write(folder, config, RandomCheckpoint.Options.DEFAULT.withSparse(true));
        try (CudaDevice device = new CudaDevice(0);
                ModelPlans plans =
                        ModelPlans.open(folder, OpenOptions.DEFAULT.withDevice(device))) {
            List<String> names =
                    device.launches(planOf.apply(plans)).stream().map(GpuLaunch::name).toList();
            int begin = next(names, first, next(names, first, 0) + 1);
            return names.subList(begin, next(names, first, begin + 1));
        }
    }

    private static int next(List<String> names, String name, int from) {
        int found = names.subList(from, names.size()).indexOf(name);
        assertThat(found).as("%s among %s", name, names).isNotNegative();
        return from + found;
    }

    @Test
    void aLayerOfAPromptRoundsNothingOnItsOwn() {
        String qkv = "cublasLt BF16 512 x 12288 x 4096";
        assertThat(layer("llama-7b", plans -> plans.prefill(512), qkv))
                .containsExactly(
                        qkv,
                        "rope_append.rope_append",
                        "paged_attention_sm90a.paged_attention_wgmma_128",
                        "cublasLt BF16 512 x 4096 x 4096",
                        "norm.rms_norm_wide_rounded",
                        "cublasLt BF16 512 x 22016 x 4096",
                        "matmul.matmul_finish_rounded",
                        "cublasLt BF16 512 x 4096 x 11008",
                        "norm.rms_norm_wide_rounded");
    }

    @Test
    void aLayerOfATowerRoundsNothingOnItsOwn() {
        String qkv = "cublasLt BF16 2050 x 3072 x 1024";
        assertThat(layer("vit-300m", plans -> plans.vision(2), qkv))
                .containsExactly(
                        qkv,
                        "attention.attention_pack",
                        "attention_sm90a.attention_wgmma_64",
                        "cublasLt BF16 2050 x 1024 x 1024",
                        "matmul.matmul_finish",
                        "norm.layer_norm_rounded",
                        "cublasLt BF16 2050 x 4096 x 1024",
                        "matmul.matmul_finish_rounded",
                        "cublasLt BF16 2050 x 1024 x 4096",
                        "matmul.matmul_finish",
                        "norm.layer_norm_rounded");
    }
}
