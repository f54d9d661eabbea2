import type { Transform } from 'node:stream';

/** Attributes that hold an address, by tag: those of the HTML standard's index of attributes. */
const ADDRESSES = new Map<string, readonly string[]>(
  Object.entries({
    a: ['href'],
    applet: ['codebase'],
    area: ['href'],
    audio: ['src'],
    base: ['href'],
    blockquote: ['cite'],
    body: ['background'],
    button: ['formaction'],
    command: ['icon'],
    del: ['cite'],
    embed: ['src'],
    form: ['action'],
    frame: ['longdesc', 'src'],
    head: ['profile'],
    html: ['manifest'],
    iframe: ['longdesc', 'src'],
    img: ['longdesc', 'src', 'usemap'],
    input: ['src', 'usemap', 'formaction'],
    ins: ['cite'],
    link: ['href'],
    object: ['classid', 'codebase', 'data', 'usemap'],
    q: ['cite'],
    script: ['src'],
    source: ['src'],
    video: ['poster', 'src'],
  }),
);

/** Where a page is served from, and where its reader sees it. */
export interface LinkContext {
  /** Path of the proxy subresource, without a slash at its end. */
  prefix: string;
  /** Host and port of the page's own server. */
  targetHost: string;
  /** What the reader sent as Host. */
  requestHost: string;
}

/** An absolute path of the page's own server, moved below the proxy; relative addresses and other hosts stay. */
export function rewriteLink(link: string, context: LinkContext): string {
  const parts = /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/is.exec(link);
  if (!parts) return link;
  const [, scheme, host = '', path = '', rest = ''] = parts;
  if (scheme && !/^https?$/i.test(scheme)) return link;
  const elsewhere = host !== '' && host !== context.targetHost && host !== context.requestHost;
  if (elsewhere || !path.startsWith('/')) return link;
  const origin = host === '' ? '' : `https://${context.requestHost}`;
  return path.startsWith(context.prefix) ? `${origin}${path}${rest}` : `${origin}${context.prefix}${path}${rest}`;
}

/** A stream that passes a page on with its links moved. The parser is loaded with the first page. */
export async function linkRewriter(context: LinkContext): Promise<Transform> {
  const { RewritingStream } = await import('parse5-html-rewriting-stream');
  const stream = new RewritingStream();
  stream.on('startTag', (tag, raw) => {
    const names = ADDRESSES.get(tag.tagName);
    let changed = false;
    for (const attribute of tag.attrs) {
      if (!names?.includes(attribute.name)) continue;
      const moved = rewriteLink(attribute.value, context);
      changed ||= moved !== attribute.value;
      attribute.value = moved;
    }
    if (changed) stream.emitStartTag(tag);
    else stream.emitRaw(raw);
  });
  return stream;
}
