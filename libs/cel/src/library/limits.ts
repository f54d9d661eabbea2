import { fail } from '../values/value.js';

/** Most UTF-16 units of a text that an expression makes. Replacing and joining can multiply what a request may contain. */
const MAX_TEXT = 16 * 1024 * 1024;

/** Fails for a text that would be too long, before it is made. */
export function checkLength(length: number): void {
  if (length > MAX_TEXT) fail(`result of ${length} characters is too long`);
}
