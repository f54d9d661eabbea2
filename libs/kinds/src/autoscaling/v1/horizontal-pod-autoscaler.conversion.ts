import type { KubeObject } from '#apimachinery';

export function hpaToStorage(hpa: KubeObject): KubeObject {
  return hpa;
}
export function hpaFromStorage(hpa: KubeObject): KubeObject {
  return hpa;
}
