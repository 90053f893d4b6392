# A Slurm of one machine on loopback, for tests: no munge, no accounting, no control groups, everything under
# $SLURM_TEST. Sourced; start_controller, start_node, stop_cluster. Processes are known and ended by their ids.
export SLURM_TEST=${SLURM_TEST:?a folder}
export SLURM_CONF=$SLURM_TEST/slurm.conf
CONTROLLER= NODE=

write_slurm_conf() {
  local host port; host=$(hostname -s); port=$((20000 + RANDOM % 10000))
  mkdir -p "$SLURM_TEST/state" "$SLURM_TEST/spool"
  cat > "$SLURM_CONF" <<END
ClusterName=aunettest
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
AuthInfo=cred_expire=5
SlurmctldPort=$port
SlurmdPort=$((port + 1))
StateSaveLocation=$SLURM_TEST/state
SlurmdSpoolDir=$SLURM_TEST/spool
SlurmctldPidFile=$SLURM_TEST/slurmctld.pid
SlurmdPidFile=$SLURM_TEST/slurmd.pid
SlurmctldLogFile=$SLURM_TEST/slurmctld.log
SlurmdLogFile=$SLURM_TEST/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
ReturnToService=2
KillWait=5
MinJobAge=300
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
}

# start_controller [-c]: with -c it forgets what an earlier one knew.
start_controller() { slurmctld -D "$@" > "$SLURM_TEST/slurmctld.out" 2>&1 & CONTROLLER=$!; }
start_node() { slurmd -D > "$SLURM_TEST/slurmd.out" 2>&1 & NODE=$!; }
stop_controller() { kill "$CONTROLLER"; wait "$CONTROLLER" 2>/dev/null || true; CONTROLLER=; }
wait_for_cluster() {
  for _ in $(seq 120); do
    [ "$(sinfo -h -o %t 2>/dev/null)" = idle ] && return 0
    sleep 0.5
  done
  tail -n 5 "$SLURM_TEST"/*.log >&2; return 1
}
stop_cluster() {
  scancel -u "$(id -un)" 2>/dev/null || true
  sleep 1
  for process in $CONTROLLER $NODE; do kill "$process" 2>/dev/null || true; done
  wait 2>/dev/null || true
}
