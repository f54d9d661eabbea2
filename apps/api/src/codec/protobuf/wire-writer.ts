/** Bytes that a writer begins with; it grows, and is kept. */
const FIRST_BYTES = 64 * 1024;

/** One that grew beyond this is given back. */
const KEPT_BYTES = 1024 * 1024;

/** Texts up to here are copied by hand, which is faster than a call into native code. */
const SHORT_TEXT = 48;

const MIN_INTEGER = -(2n ** 63n);
const MAX_INTEGER = 2n ** 63n - 1n;
/** Numbers from here on do not fit. A client's 2^63 - 1 is this number, too: JavaScript has none between them. */
const BEYOND = 2 ** 63;

/**
 * Writes protobuf from its end to its beginning, as Go's encoders do: what has a length is there before its length is written. One is
 * enough, since nobody else has a turn while it writes.
 */
export class WireWriter {
  private buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  /** Everything from here on is written. */
  private at = FIRST_BYTES;

  /** Bytes that are written: what a length is measured from. */
  get size(): number {
    return this.buffer.length - this.at;
  }

  /** A copy of all that is written. One that is kept has memory of its own, not its neighbours'. */
  take(isKept = false): Buffer {
    const copy = isKept ? Buffer.allocUnsafeSlow(this.size) : Buffer.allocUnsafe(this.size);
    this.buffer.copy(copy, 0, this.at);
    return copy;
  }

  /** Nothing is written any more. */
  reset(): void {
    if (this.buffer.length > KEPT_BYTES) this.buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
    this.at = this.buffer.length;
  }

  byte(value: number): void {
    if (this.at === 0) this.grow(1);
    this.buffer[--this.at] = value;
  }

  /** Of 64 bits in two's complement; integers beyond 2^53 are as exact as numbers are, and what does not fit is the nearest that does. */
  varint(value: number): void {
    if (value < 0x80 && value >= 0) {
      this.byte(value);
      return;
    }
    if (this.at < 10) this.grow(10);
    if (value < 0 || value >= BEYOND) this.large(value);
    else {
      let length = 1;
      for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length += 1;
      let at = (this.at -= length);
      let rest = value;
      for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.buffer[at++] = (rest % 0x80) | 0x80;
      this.buffer[at] = rest;
    }
  }

  private large(value: number): void {
    const whole = value >= BEYOND ? MAX_INTEGER : value <= -BEYOND ? MIN_INTEGER : BigInt(value);
    let rest = BigInt.asUintN(64, whole);
    let at = (this.at -= value < 0 ? 10 : 9);
    for (; rest >= 0x80n; rest >>= 7n) this.buffer[at++] = Number(rest & 0x7fn) | 0x80;
    this.buffer[at] = Number(rest);
  }

  double(value: number): void {
    if (this.at < 8) this.grow(8);
    this.at -= 8;
    this.buffer.writeDoubleLE(value, this.at);
  }

  bytes(value: Buffer): void {
    if (this.at < value.length) this.grow(value.length);
    this.at -= value.length;
    value.copy(this.buffer, this.at);
  }

  /** With its length. */
  text(value: string): void {
    const { length } = value;
    if (this.at < length) this.grow(length);
    if (length <= SHORT_TEXT && this.copyAscii(value, this.at - length)) {
      this.at -= length;
      this.varint(length);
      return;
    }
    const size = Buffer.byteLength(value);
    if (this.at < size) this.grow(size);
    this.at -= size;
    this.buffer.write(value, this.at, size, size === length ? 'latin1' : 'utf8');
    this.varint(size);
  }

  private copyAscii(value: string, start: number): boolean {
    const { buffer } = this;
    for (let i = 0; i < value.length; i += 1) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) return false;
      buffer[start + i] = code;
    }
    return true;
  }

  private grow(bytes: number): void {
    const { size } = this;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.buffer.length, size + bytes));
    this.buffer.copy(larger, larger.length - size, this.at);
    this.at = larger.length - size;
    this.buffer = larger;
  }
}
