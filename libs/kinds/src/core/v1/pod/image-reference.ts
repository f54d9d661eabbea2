/** The pull policy of an image that says none: Always when its tag is `latest` or missing and there is no digest. */
export function imagePullPolicyFor(reference: string): 'Always' | 'IfNotPresent' {
  const at = reference.indexOf('@');
  const tagged = at < 0 ? reference : reference.slice(0, at);
  const tag = tagOf(tagged);
  if (tag === 'latest') return 'Always';
  return tag === '' && at < 0 && reference !== '' ? 'Always' : 'IfNotPresent';
}

/** A colon after the last slash begins the tag; one before it belongs to the registry's port. */
function tagOf(reference: string): string {
  const colon = reference.lastIndexOf(':');
  return colon > reference.lastIndexOf('/') ? reference.slice(colon + 1) : '';
}
