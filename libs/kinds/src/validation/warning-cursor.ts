import { FieldCursor } from './field-cursor.js';

/** Only so many warnings of an object are of use to anybody, and only so many fit into a header. */
const MAX_WARNINGS = 64;
/** Bounds checks that look at pairs: of so many alike, the first have been told of. */
const MAX_COMPARISONS = 20_000;

/** Where a look for warnings is in an object, and what it found. */
export class WarningCursor extends FieldCursor {
  readonly warnings: string[] = [];
  private comparisons = 0;

  /** Of a field, or of the current one (`''`). */
  warn(name: string, text: string): void {
    this.say(`${this.path(name)}: ${text}`);
  }

  say(text: string): void {
    if (this.warnings.length < MAX_WARNINGS) this.warnings.push(text);
  }

  /** Counts one comparison of two things; false when it is to be the last. */
  mayCompare(): boolean {
    this.comparisons += 1;
    return this.comparisons <= MAX_COMPARISONS;
  }
}
