import assert from 'node:assert/strict';
import { crc32, gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { ListPiece } from '../objects/list-body.js';
import {
  combineCrc32,
  GZIP_HEADER,
  GzipTrailer,
  keptFragment,
  makeFragment,
  storedFragment,
} from './gzip-fragments.js';

function piece(text: string): ListPiece {
  const bytes = Buffer.from(text);
  return { key: `test ${text}`, length: bytes.length, parts: [bytes], render: () => bytes };
}

test('a checksum of two texts comes from the checksums of each', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), fc.uint8Array({ maxLength: 3000 }), (a, b) => {
      const whole = crc32(Buffer.concat([a, b]));
      assert.equal(combineCrc32(crc32(a), crc32(b), b.length), whole);
    }),
  );
});

test('fragments in any order make one gzip member', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ maxLength: 300 }), { maxLength: 8 }), async (texts) => {
      const trailer = new GzipTrailer();
      const out = [GZIP_HEADER];
      for (const text of texts) {
        const one = piece(text);
        for (const fragment of [keptFragment(one) ?? (await makeFragment(one)), storedFragment(Buffer.from(','))]) {
          trailer.add(fragment);
          out.push(fragment.blocks);
        }
      }
      const end = storedFragment(Buffer.from(']}'), true);
      trailer.add(end);
      out.push(end.blocks, trailer.bytes());
      assert.equal(gunzipSync(Buffer.concat(out)).toString(), `${texts.map((text) => `${text},`).join('')}]}`);
    }),
    { numRuns: 50 },
  );
});

test('a piece is compressed once', async () => {
  const text = 'x'.repeat(10_000);
  assert.equal(keptFragment(piece(text)), undefined);
  const made = await makeFragment(piece(text));
  assert.equal(keptFragment(piece(text)), made);
  assert.ok(made.blocks.length < 200);
});
