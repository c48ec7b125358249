package dev.ocellus.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.kernels.cuda.CudaUnavailableException;
import dev.ocellus.kernels.cuda.SoftGpu;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceChoiceTest {
    private final String before = System.getProperty(DeviceChoice.PROPERTY, "auto");

    @AfterEach
    void restore() {
        System.setProperty(DeviceChoice.PROPERTY, before);
    }

    @ParameterizedTest
    @ValueSource(strings = {"auto", "cpu", "cuda:0", "cuda:3"})
    void isWrittenAsItIsRead(String text) {
        assertThat(DeviceChoice.of(text)).hasToString(text);
    }

    @Test
    void cudaAloneIsTheFirstGpu() {
        assertThat(DeviceChoice.of("cuda")).isEqualTo(DeviceChoice.cuda(0));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:99999", "CPU"})
    void otherTextsAreRefused(String text) {
        assertThatThrownBy(() -> DeviceChoice.of(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("'" + text + "' is no device; it must be auto, cpu, cuda or cuda:N");
    }

    @Test
    void whatIsNamedStays() {
        System.setProperty(DeviceChoice.PROPERTY, "cpu");
        assertThat(DeviceChoice.cuda(2).resolve().choice()).isEqualTo(DeviceChoice.cuda(2));
        assertThat(DeviceChoice.CPU.resolve().choice()).isEqualTo(DeviceChoice.CPU);
    }

    @Test
    void thePropertySaysWhatAutoIs() {
        System.setProperty(DeviceChoice.PROPERTY, "cuda:7");
        assertThat(DeviceChoice.AUTO.resolve())
                .isEqualTo(new DeviceChoice.Resolved(DeviceChoice.cuda(7), ""));
    }

    @Test
    void autoIsTheGpuThatIsThere() {
        SoftGpu.require();
        System.setProperty(DeviceChoice.PROPERTY, "auto");
        DeviceChoice.Resolved found = DeviceChoice.AUTO.resolve();
        assertThat(found.choice()).isEqualTo(DeviceChoice.cuda(0));
        assertThat(found.reason()).isNotEmpty();
        try (Device device = DeviceChoice.AUTO.open()) {
            assertThat(device.name()).isEqualTo("cuda:0");
            assertThat(device.description()).startsWith("cuda:0, ");
        }
    }

    @Test
    void aGpuThatIsNotThereIsASentence() {
        SoftGpu.require();
        assertThatThrownBy(() -> DeviceChoice.cuda(63).open())
                .isInstanceOf(CudaUnavailableException.class)
                .hasMessageContaining("no GPU 63");
    }
}
