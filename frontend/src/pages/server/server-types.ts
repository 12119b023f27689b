export interface Disk {
  path: string;
  total_bytes: number;
  free_bytes: number;
  /** None: it doesn't fill up. */
  full_in_s: number | null;
}

export interface Worker {
  name: string;
  pool: string;
  task: string | null;
  session_id: number | null;
  since: number | null;
}

export interface ServerState {
  version: string;
  disks: Disk[];
  workers: Worker[];
  load: number;
  cores: number;
}
