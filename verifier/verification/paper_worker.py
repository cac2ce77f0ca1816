"""The process that draws a stranger's PDF: bytes in, the texts of its QR codes out as JSON, and nothing else.

It bounds itself before it looks at a byte: two seconds of CPU, half a gigabyte of memory, no file written, no
further process. Whatever goes wrong ends it; `paper` says so in one sentence.
"""

import json
import resource
import sys
from typing import Final

MAX_CPU_SECONDS: Final = 2
MAX_MEMORY_BYTES: Final = 768 << 20  # of address space: libraries, and a page of 12 million pixels in grey
MAX_PAGES: Final = 3  # a badge's code stands on the first one, behind a letter perhaps on the next
MAX_PIXELS: Final = 12_000_000
DOTS_PER_POINT: Final = 3.0  # 216 dots per inch: a module of a 50 mm code has 6 pixels
_BOUNDS: Final = {
    resource.RLIMIT_CPU: MAX_CPU_SECONDS,
    resource.RLIMIT_AS: MAX_MEMORY_BYTES,
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_CORE: 0,
}


def main() -> None:
    """Read a PDF from standard input, write a JSON array of texts to standard output."""
    data = sys.stdin.buffer.read()
    import pypdfium2
    import zxingcpp

    for what, most in _BOUNDS.items():
        resource.setrlimit(what, (most, most))
    texts: list[str] = []
    with pypdfium2.PdfDocument(data) as document:
        for number in range(min(len(document), MAX_PAGES)):
            page = document[number]
            width, height = page.get_size()
            scale = min(DOTS_PER_POINT, (MAX_PIXELS / max(1.0, width * height)) ** 0.5)
            drawn = page.render(scale=scale, grayscale=True).to_pil()
            codes = zxingcpp.read_barcodes(
                drawn,
                formats=zxingcpp.barcode_formats_from_str("QRCode"),
                text_mode=zxingcpp.TextMode.Plain,
            )
            texts += [code.text for code in codes if code.text]
    sys.stdout.write(json.dumps(texts))


if __name__ == "__main__":
    main()
