import type { Service } from '#kinds';
import { HEADLESS_LABEL, hasClusterIP } from './service-endpoints.js';
import { MANAGED_BY_LABEL, SERVICE_NAME_LABEL } from './slice-plan.js';

/** The Service's labels, and those that say whose slice it is. */
export function sliceLabels(service: Service, manager: string): Record<string, string> {
  const labels: Record<string, string> = {
    ...service.metadata.labels,
    [SERVICE_NAME_LABEL]: service.metadata.name!,
    [MANAGED_BY_LABEL]: manager,
  };
  if (hasClusterIP(service)) delete labels[HEADLESS_LABEL];
  else labels[HEADLESS_LABEL] = '';
  return labels;
}
