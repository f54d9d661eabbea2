/** Names of images as they are written in pods. */

const DIGEST = /@sha256:[0-9a-f]{64}$/;
const NAME =
  /^(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d+)?\/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;

/** With `:latest` where neither tag nor digest is given. Undefined when it is no reference. */
export function normalizeImage(image: string): string | undefined {
  const digest = image.includes('@');
  if (digest && !DIGEST.test(image)) return undefined;
  const plain = image.replace(DIGEST, '');
  const colon = plain.lastIndexOf(':');
  const tagged = colon > plain.lastIndexOf('/');
  const name = tagged ? plain.slice(0, colon) : plain;
  const tag = tagged ? plain.slice(colon + 1) : undefined;
  if (!NAME.test(name) || (tag !== undefined && !TAG.test(tag))) return undefined;
  return digest || tagged ? image : `${image}:latest`;
}

/** With registry, repository, and tag or digest, as runtimes list it. Undefined when it is no reference. */
export function qualifiedImage(image: string): string | undefined {
  const normal = normalizeImage(image);
  if (!normal) return undefined;
  const { host } = splitRepository(normal);
  if (normal.startsWith(`${host}/`)) return normal;
  return normal.includes('/') ? `${host}/${normal}` : `${host}/library/${normal}`;
}

/** Registry host and repository; names without a host are Docker Hub's. */
export function splitRepository(image: string): { host: string; path: string } {
  const plain = image.replace(DIGEST, '');
  const first = plain.slice(0, Math.max(plain.indexOf('/'), 0));
  const hasHost = first.includes('.') || first.includes(':') || first === 'localhost';
  const rest = hasHost ? plain.slice(first.length + 1) : plain;
  const colon = rest.lastIndexOf(':');
  const repository = colon > rest.lastIndexOf('/') ? rest.slice(0, colon) : rest;
  if (hasHost) return { host: first, path: repository };
  return { host: 'docker.io', path: repository.includes('/') ? repository : `library/${repository}` };
}
