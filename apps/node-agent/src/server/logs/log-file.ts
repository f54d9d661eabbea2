import { dirname } from 'node:path';
import { FileTree, type RegularFile } from '#files';

const BLOCK = 64 * 1024;
const NEWLINE = 0x0a;

/** Reads the records of one open log file. Offsets are bytes. */
export class LogFile {
  /** Read from the file but not yet given out: the beginning of a record whose end is not written yet. */
  private rest: Buffer = Buffer.alloc(0);
  private offset: number;

  private constructor(
    private readonly file: RegularFile,
    readonly inode: bigint,
    offset: number,
  ) {
    this.offset = offset;
  }

  static async open(path: string): Promise<LogFile> {
    const file = await new FileTree(dirname(path)).open(path);
    try {
      return new LogFile(file, (await file.stat()).ino, 0);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Goes to the beginning of the last `count` whole records. A record without its end does not count as one. */
  async seekTail(count: number): Promise<void> {
    let right = await this.size();
    let newlines = 0;
    while (right > 0) {
      const left = Math.max(0, right - BLOCK);
      const block = await this.file.read(left, right - left);
      for (let at = block.lastIndexOf(NEWLINE); at >= 0; at = at === 0 ? -1 : block.lastIndexOf(NEWLINE, at - 1)) {
        newlines++;
        // The newline before the first record that is wanted.
        if (newlines > count) return this.seek(left + at + 1);
      }
      right = left;
    }
    this.seek(0);
  }

  private seek(offset: number): void {
    this.offset = offset;
    this.rest = Buffer.alloc(0);
  }

  /** The whole records, with their newlines, up to the file's present end, in batches. */
  async *records(): AsyncGenerator<Buffer[]> {
    for (;;) {
      const block = await this.file.read(this.offset, BLOCK);
      if (block.length === 0) {
        // The runtime never shortens a file; someone else who did (`truncate`) makes reading begin again.
        if ((await this.size()) >= this.offset) return;
        this.seek(0);
        continue;
      }
      this.offset += block.length;
      const data = this.rest.length > 0 ? Buffer.concat([this.rest, block]) : block;
      const lines: Buffer[] = [];
      let start = 0;
      for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, start)) {
        lines.push(data.subarray(start, end + 1));
        start = end + 1;
      }
      this.rest = data.subarray(start);
      if (lines.length > 0) yield lines;
    }
  }

  /** A record at the end of the file that has no newline. */
  incomplete(): Buffer | undefined {
    return this.rest.length > 0 ? this.rest : undefined;
  }

  private async size(): Promise<number> {
    return Number((await this.file.stat()).size);
  }

  close(): Promise<void> {
    return this.file.close();
  }
}
