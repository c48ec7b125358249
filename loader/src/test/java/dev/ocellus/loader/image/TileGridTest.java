package dev.ocellus.loader.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TileGridTest {
    @ParameterizedTest
    @CsvSource({
        "448, 448, 1, 1, 1",
        "640, 480, 4, 3, 13",
        "800, 800, 2, 2, 5",
        "1000, 1000, 3, 3, 10",
        "1920, 1080, 4, 2, 9",
        "1080, 1920, 2, 4, 9",
        "4000, 3000, 4, 3, 13",
        "224, 224, 1, 1, 1",
        "100, 1000, 1, 10, 11"
    })
    void publishedExamples(int width, int height, int columns, int rows, int tiles) {
        TileGrid grid = TileGrid.choose(width, height, 1, 12, 448);
        assertThat(grid).isEqualTo(new TileGrid(columns, rows));
        assertThat(grid.tiles(true)).isEqualTo(tiles);
    }

    @Test
    void singleTileHasNoThumbnail() {
        assertThat(new TileGrid(1, 1).tiles(true)).isEqualTo(1);
        assertThat(new TileGrid(2, 1).tiles(false)).isEqualTo(2);
        assertThat(new TileGrid(2, 1).tiles(true)).isEqualTo(3);
    }

    @Test
    void equalRatiosTakeTheLargerGridOnlyAboveHalfItsArea() {
        // 2x2 tiles of 10 have 400 pixels: 200 is not more than half, 15 * 15 is.
        assertThat(TileGrid.choose(14, 14, 1, 4, 10)).isEqualTo(new TileGrid(1, 1));
        assertThat(TileGrid.choose(15, 15, 1, 4, 10)).isEqualTo(new TileGrid(2, 2));
    }

    @Test
    void tilesNeedNotBeSquare() {
        assertThat(TileGrid.choose(200, 100, 1, 4, 20, 10)).isEqualTo(new TileGrid(2, 1));
    }

    @Test
    void limitsAreChecked() {
        assertThatThrownBy(() -> TileGrid.choose(10, 10, 3, 2, 448))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("3..2");
        assertThatThrownBy(() -> TileGrid.choose(10, 10, 0, 2, 448))
                .isInstanceOf(ImageException.class);
        assertThatThrownBy(() -> TileGrid.choose(10, 10, 1, 100_000, 448))
                .isInstanceOf(ImageException.class);
        assertThatThrownBy(() -> TileGrid.choose(0, 10, 1, 2, 448))
                .isInstanceOf(ImageException.class);
    }
}
