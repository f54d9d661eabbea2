const NEWLINE = 0x0a;

/**
 * Cuts a byte stream into lines. A line that lies within one chunk is never copied; one that spans chunks is joined once.
 * Empty lines are dropped.
 */
export class LineSplitter {
  private partial: Buffer[] = [];

  /** The complete lines that this chunk ends. */
  push(chunk: Buffer): Buffer[] {
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      let line = chunk.subarray(start, end);
      if (this.partial.length > 0) {
        this.partial.push(line);
        line = Buffer.concat(this.partial);
        this.partial = [];
      }
      if (line.length > 0) lines.push(line);
      start = end + 1;
    }
    if (start < chunk.length) this.partial.push(start === 0 ? chunk : chunk.subarray(start));
    return lines;
  }
}
