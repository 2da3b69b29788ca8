#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>

// Where the threads of a team wait for each other. Not for levelled code: that is given the function and the address.

namespace synfer {

// The others are mostly about to come: for some microseconds a thread looks whether they have, and then sleeps. (A
// barrier of OpenMP's either sleeps at once, which takes longer than a step of a large network, or keeps its processor
// busy for good.)
class Gate {
  public:
    explicit Gate(int n_threads) : n_(n_threads) {}

    void wait() {
        const unsigned round = round_.load(std::memory_order_acquire);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == n_) {
            arrived_.store(0, std::memory_order_relaxed);
            {
                const std::lock_guard<std::mutex> lock(mutex_);
                round_.store(round + 1, std::memory_order_release);
            }
            opened_.notify_all();
            return;
        }
        for (int i = 0; i < looks; ++i) {
            if (round_.load(std::memory_order_acquire) != round) return;
            pause();
        }
        std::unique_lock<std::mutex> lock(mutex_);
        opened_.wait(lock, [&] { return round_.load(std::memory_order_relaxed) != round; });
    }
    static void wait_at(void* gate) { static_cast<Gate*>(gate)->wait(); }

  private:
    static constexpr int looks = 1000;
    static void pause() {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }

    const int n_;
    std::atomic<int> arrived_{0};
    std::atomic<unsigned> round_{0};
    std::mutex mutex_;
    std::condition_variable opened_;
};

}  // namespace synfer
