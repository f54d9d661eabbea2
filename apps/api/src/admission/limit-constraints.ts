import { ownValue, Quantity } from '#apimachinery';
import type { ResourceList } from './pod-resource-totals.js';

/** Each gives no or one problem, in upstream's words. `bound` and the lists hold quantities as text. */
type Problems = string[];

export function minProblem(
  type: string,
  name: string,
  bound: string,
  requests: ResourceList,
  limits: ResourceList,
): Problems {
  const [request, limit, least] = [
    parse(ownValue(requests, name)),
    parse(ownValue(limits, name)),
    Quantity.parse(bound),
  ];
  const said = `minimum ${name} usage per ${type} is ${least}`;
  if (!request) return [`${said}.  No request is specified`];
  if (request.compare(least) < 0) return [`${said}, but request is ${request}`];
  if (limit && limit.compare(least) < 0) return [`${said}, but limit is ${limit}`];
  return [];
}

export function maxRequestProblem(type: string, name: string, bound: string, requests: ResourceList): Problems {
  const [request, most] = [parse(ownValue(requests, name)), Quantity.parse(bound)];
  const said = `maximum ${name} usage per ${type} is ${most}`;
  if (!request) return [`${said}.  No request is specified`];
  return request.compare(most) > 0 ? [`${said}, but request is ${request}`] : [];
}

export function maxProblem(
  type: string,
  name: string,
  bound: string,
  requests: ResourceList,
  limits: ResourceList,
): Problems {
  const [request, limit, most] = [
    parse(ownValue(requests, name)),
    parse(ownValue(limits, name)),
    Quantity.parse(bound),
  ];
  const said = `maximum ${name} usage per ${type} is ${most}`;
  if (!limit) return [`${said}.  No limit is specified`];
  if (limit.compare(most) > 0) return [`${said}, but limit is ${limit}`];
  if (request && request.compare(most) > 0) return [`${said}, but request is ${request}`];
  return [];
}

export function ratioProblem(
  type: string,
  name: string,
  bound: string,
  requests: ResourceList,
  limits: ResourceList,
): Problems {
  const [request, limit, most] = [
    parse(ownValue(requests, name)),
    parse(ownValue(limits, name)),
    Quantity.parse(bound),
  ];
  const said = `${name} max limit to request ratio per ${type} is ${most}`;
  if (!request || request.isZero()) return [`${said}, but no request is specified or request is 0`];
  if (!limit || limit.isZero()) return [`${said}, but no limit is specified or limit is 0`];
  const ratio = limit.toNumber() / request.toNumber();
  return ratio > most.toNumber() ? [`${said}, but provided ratio is ${ratio.toFixed(6)}`] : [];
}

function parse(text: string | undefined): Quantity | undefined {
  return text === undefined ? undefined : Quantity.parse(text);
}
