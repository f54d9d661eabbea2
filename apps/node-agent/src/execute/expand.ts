/**
 * `$(NAME)` in commands, arguments, values and subPathExpr: replaced when NAME is known, left as it stands otherwise;
 * `$$` is a dollar sign that starts nothing.
 */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '$') {
      out += text[i];
      continue;
    }
    const next = text[i + 1];
    if (next === '$') {
      out += '$';
      i++;
    } else if (next === '(') {
      const close = text.indexOf(')', i + 2);
      if (close === -1) {
        out += '$(';
        i++;
      } else {
        const reference = text.slice(i, close + 1);
        out += lookup(text.slice(i + 2, close)) ?? reference;
        i = close;
      }
    } else out += '$';
  }
  return out;
}
