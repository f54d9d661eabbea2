import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { linkRewriter, rewriteLink } from './html-links.js';

const context = {
  prefix: '/api/v1/namespaces/a/pods/b/proxy',
  targetHost: '10.0.0.1:80',
  requestHost: 'api.example:6443',
};

const links: [link: string, moved: string][] = [
  ['/x', '/api/v1/namespaces/a/pods/b/proxy/x'],
  ['/x/?q=1#f', '/api/v1/namespaces/a/pods/b/proxy/x/?q=1#f'],
  ['x', 'x'],
  ['../x', '../x'],
  ['#top', '#top'],
  ['mailto:a@example.org', 'mailto:a@example.org'],
  ['http://elsewhere.example/x', 'http://elsewhere.example/x'],
  ['http://10.0.0.1:80/x', 'https://api.example:6443/api/v1/namespaces/a/pods/b/proxy/x'],
  ['/api/v1/namespaces/a/pods/b/proxy/x', '/api/v1/namespaces/a/pods/b/proxy/x'],
];
for (const [link, moved] of links) {
  test(`${link} becomes ${moved}`, () => assert.equal(rewriteLink(link, context), moved));
}

test('links of a page are moved and the rest stays to the letter', async () => {
  const odd = '<constructor href="/x">';
  const page = `<!DOCTYPE html>\n<p  class=x>1 &lt; 2<a href="/one">one</a><img src="/two"><a title="/three">${odd}`;
  const stream = Readable.from([page.slice(0, 30), page.slice(30)]).pipe(await linkRewriter(context));
  const { prefix } = context;
  assert.equal(
    await text(stream),
    `<!DOCTYPE html>\n<p  class=x>1 &lt; 2<a href="${prefix}/one">one</a><img src="${prefix}/two"><a title="/three">${odd}`,
  );
});
