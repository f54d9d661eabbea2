import type { APIService } from '../../generated/types.js';
import type { KindStrategy } from '../../registry/kind-strategy.js';
import { timeText } from '../../registry/metadata.js';

export const apiServiceStrategy: KindStrategy = {
  prepareForCreate(service: APIService, { now }) {
    if (service.spec?.service !== undefined) return;
    const available = {
      type: 'Available',
      status: 'True',
      lastTransitionTime: timeText(now),
      reason: 'Local',
      message: 'Local APIServices are always available',
    };
    service.status = { conditions: [available] };
  },
};
