// Signals that a mistake of a kernel raises end the kernel; all others are the virtual machine's.
#include <csignal>
#include <cstdio>
#include <mutex>

#include "worker.h"

namespace softgpu {

namespace {

const int FAULTS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
struct sigaction before[NSIG];

void what_happened(int signal, const siginfo_t *info, char *text, size_t bytes) {
    switch (signal) {
    case SIGFPE: std::snprintf(text, bytes, "integer division by zero"); return;
    case SIGILL:
        std::snprintf(text, bytes,
                      "undefined operation: a misaligned address, an index outside its array, an overflow, a shift "
                      "too far or a division by zero");
        return;
    default: break;
    }
    if (info->si_code == SI_KERNEL) {
        std::snprintf(text, bytes, "misaligned access, or an address that cannot be");
    } else {
        std::snprintf(text, bytes, "illegal access to address %p", info->si_addr);
    }
}

void on_fault(int signal, siginfo_t *info, void *context) {
    Worker *w = worker;
    if (w && w->current && w->launch && !w->failing.exchange(true)) {
        char what[160];
        what_happened(signal, info, what, sizeof what);
        const Index3 &b = w->block.index, &t = w->current->index;
        report("%s; kernel %s, block (%u,%u,%u), thread (%u,%u,%u)", what, w->launch->kernel->name, b.x,
               b.y, b.z, t.x, t.y, t.z);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, signal);
        pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
        w->stop_with(ILLEGAL_ADDRESS);
    }
    const struct sigaction &other = before[signal];
    if (other.sa_flags & SA_SIGINFO) {
        other.sa_sigaction(signal, info, context);
    } else if (other.sa_handler == SIG_DFL) {
        std::signal(signal, SIG_DFL);  // the access is tried again, and then ends the process
    } else if (other.sa_handler != SIG_IGN) {
        other.sa_handler(signal);
    }
}

}  // namespace

void install_fault_handlers() {
    static std::once_flag once;
    std::call_once(once, [] {
        struct sigaction action {};
        action.sa_sigaction = on_fault;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        for (int signal : FAULTS) {
            sigaction(signal, &action, &before[signal]);
        }
    });
}

void unblock_faults() {
    sigset_t set;
    sigfillset(&set);
    for (int signal : FAULTS) {
        sigdelset(&set, signal);
    }
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace softgpu
