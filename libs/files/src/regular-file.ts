import { type BigIntStats, close, createReadStream, createWriteStream, fstat, read } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';

const [closeFile, statFile, readFile] = [promisify(close), promisify(fstat), promisify(read)];

/** An opened regular file; no read of it waits for anybody. */
export class RegularFile {
  constructor(private readonly descriptor: number) {}

  stat(): Promise<BigIntStats> {
    return statFile(this.descriptor, { bigint: true });
  }

  /** At most `length` bytes from that offset; none at the file's end. */
  async read(offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(length);
    const { bytesRead } = await readFile(this.descriptor, buffer, 0, length, offset);
    return buffer.subarray(0, bytesRead);
  }

  /** Its whole content. The stream closes the file. */
  readable(): Readable {
    return createReadStream('', { fd: this.descriptor });
  }

  /** For a file that was made to be written. The stream closes the file. */
  writable(): Writable {
    return createWriteStream('', { fd: this.descriptor });
  }

  close(): Promise<void> {
    return closeFile(this.descriptor);
  }
}
