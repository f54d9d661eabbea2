/** Strings count in characters (code points), not in the units of UTF-16. */

/** The number of characters. */
export function runeCount(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit >= 0xd800 && unit <= 0xdbff && index + 1 < text.length) {
      const next = text.charCodeAt(index + 1);
      if (next >= 0xdc00 && next <= 0xdfff) {
        count--;
        index++;
      }
    }
  }
  return count;
}

/** The characters; an array of strings of one character each. */
export function runesOf(text: string): string[] {
  return Array.from(text);
}
