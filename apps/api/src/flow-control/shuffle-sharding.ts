import { createHash } from 'node:crypto';

/**
 * The queues of one flow: `handSize` distinct ones of `queues`, dealt by the hash of the flow. Two flows rarely have all of them in
 * common, so a flow that fills its own leaves others theirs.
 */
export function dealHand(queues: number, handSize: number, schema: string, flow: string): number[] {
  let hash = createHash('sha256').update(`${schema}\0${flow}`).digest().readBigUInt64LE(0);
  const remainders: number[] = [];
  for (let i = 0; i < handSize; i += 1) {
    const deck = BigInt(queues - i);
    remainders.push(Number(hash % deck));
    hash /= deck;
  }
  // Each remainder counts only the cards that are still there.
  return remainders.map((card, i) => {
    let dealt = card;
    for (let j = i - 1; j >= 0; j -= 1) if (dealt >= remainders[j]!) dealt += 1;
    return dealt;
  });
}
