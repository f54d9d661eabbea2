import { CelCompileError } from '../errors.js';

/** No snippet of a longer line is shown. */
const MAX_SNIPPET = 16_384;
const MAX_ERRORS = 100;
const NOWHERE = -1;

interface Report {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** The errors of one expression, shown as cel-go shows them: the line, and a mark below the place. */
export class ErrorReport {
  private readonly reports: Report[] = [];
  private count = 0;
  private readonly lines: readonly string[];

  constructor(private readonly source: string) {
    this.lines = source.split('\n');
  }

  get isEmpty(): boolean {
    return this.count === 0;
  }

  /** `at` is an offset in UTF-16 units; errors of the whole expression have none. */
  add(message: string, at: number = NOWHERE): void {
    this.count++;
    if (this.count <= MAX_ERRORS) this.reports.push({ ...this.locate(at), message });
  }

  throwIfAny(): void {
    if (this.count > 0) throw new CelCompileError(`compilation failed: ${this.text()}`);
  }

  private locate(at: number): { line: number; column: number } {
    if (at === NOWHERE) return { line: -1, column: -1 };
    const before = this.source.slice(0, at);
    const line = before.split('\n').length;
    return { line, column: [...before.slice(before.lastIndexOf('\n') + 1)].length };
  }

  private text(): string {
    const texts = this.reports
      .toSorted((a, b) => a.line - b.line || a.column - b.column)
      .map((report) => this.show(report));
    if (this.count > MAX_ERRORS) texts.push(`${this.count - MAX_ERRORS} more errors were truncated`);
    return texts.join('\n');
  }

  private show({ line, column, message }: Report): string {
    // An empty text has no first column.
    const text = `ERROR: <input>:${line}:${this.source === '' ? 0 : column + 1}: ${message}`;
    const snippet = this.lines[line - 1]?.replaceAll('\t', ' ');
    if (snippet === undefined || this.source === '' || snippet.length > MAX_SNIPPET) return text;
    const chars = [...snippet];
    const dots = chars.slice(0, column).map((char) => (isWide(char) ? '\uff0e' : '.'));
    return `${text}\n | ${snippet}\n | ${dots.join('')}${isWide(chars[column] ?? '') ? '\uff3e' : '^'}`;
  }
}

function isWide(char: string): boolean {
  return char > '\x7f';
}
