"""The report's metrics: what each is called, which way is better, with how many digits it is shown."""

# metric -> name, better direction, decimals (the paper's where it prints the metric)
METRICS = {
    "psnr_y": ("PSNR (Y)", "↑", 2),
    "ssim_y": ("SSIM (Y)", "↑", 4),
    "lpips_alex": ("LPIPS (AlexNet)", "↓", 4),
    "lpips_vgg": ("LPIPS (VGG16)", "↓", 4),
    "landmark_distance": ("landmark distance", "↓", 4),
    "faces_found": ("faces found", "↑", 3),
    "fid_inception": ("FID", "↓", 2),
    "kid_inception": ("KID", "↓", 4),
    "frechet_vgg16": ("Fréchet distance on VGG16 (no FID)", "↓", 3),
    "parameters_m": ("parameters, M", "", 2),
    "gmac": ("GMAC", "", 2),
    "ms_per_image": ("ms per image", "", 1),
    "peak_memory_mb": ("peak memory, MB", "", 0),
}
COUNTED = ("parameters_m", "gmac")  # of a network; the same anywhere
MEASURED_ANEW = ("ms_per_image", "peak_memory_mb")  # what depends on the machine


def title(metric: str) -> str:
    """A metric's name with the arrow that says which way is better."""
    name, arrow, _ = METRICS[metric]
    return f"{name} {arrow}".strip()


def decimals(metric: str) -> int:
    """Digits after the point."""
    return METRICS[metric][2]


def split_row(row: str) -> tuple[str, str]:
    """Set and metric of a row such as helen.ssim_y; gmac and its like are of no set: ""."""
    key, _, metric = row.rpartition(".")
    return key, metric
