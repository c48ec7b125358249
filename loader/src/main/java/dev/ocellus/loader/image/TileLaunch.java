package dev.ocellus.loader.image;

import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.Launch;

import java.util.List;

/** The tiles of several images as one piece of work for a worker pool; a unit is a band of rows. */
final class TileLaunch implements Launch {
    private final List<ImageTiles> images;
    private final KernelProvider provider;

    TileLaunch(List<ImageTiles> images, KernelProvider provider) {
        this.images = images;
        this.provider = provider;
    }

    @Override
    public long units() {
        return images.stream().mapToLong(ImageTiles::bands).sum();
    }

    @Override
    public void run(long begin, long end) {
        long at = 0;
        for (ImageTiles image : images) {
            long from = Math.clamp(begin - at, 0, image.bands());
            long to = Math.clamp(end - at, 0, image.bands());
            if (from < to) {
                image.run((int) from, (int) to, provider);
            }
            at += image.bands();
        }
    }
}
