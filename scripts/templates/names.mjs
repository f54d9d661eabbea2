/** What was asked for makes no sense; the message says what is wrong. */
export class TemplateError extends Error {}

/** `node-affinity` -> `NodeAffinity`. */
export function pascalCase(name) {
  return name.replace(/(?:^|-)(\w)/g, (_, letter) => letter.toUpperCase());
}

/** `pod-template` -> `pod template`. */
export function words(name) {
  return name.replaceAll('-', ' ');
}

/** A file's name: lower-case words with dashes between. */
export function checkKebabCase(what, name) {
  if (/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) return name;
  throw new TemplateError(
    `${what} ${JSON.stringify(name)}: must be lower-case words with dashes between, as in node-affinity`,
  );
}

/** Kubernetes' name of a plugin. */
export function checkPascalCase(what, name) {
  if (/^[A-Z][A-Za-z0-9]*$/.test(name)) return name;
  throw new TemplateError(`${what} ${JSON.stringify(name)}: must be words with capitals, as in NodeAffinity`);
}
