// ThreadSanitizer's clocks on fibres.
//
// The runtime has 255 slots of 2^14 releases each. A fibre that comes to the end of its slot gets
// the next one, but what it does after the last release of a slot counts as done before it, so that
// races are missed there; and after the last slot every access is forgotten. Neither may happen in
// the middle of an execution, or it would not be the same every time: fibres are brought to a new
// slot between executions, and the runtime starts over, while an execution's releases would still
// have fitted in.
//
// The cell that a fifth access to a word replaces is drawn from the length of its fibre's history,
// which would make what is found depend on earlier executions as well: histories begin anew.
#ifndef VMAFUZZ_NATIVE_CLOCKS_H_
#define VMAFUZZ_NATIVE_CLOCKS_H_

namespace vmafuzz::native::clocks {

// Between executions, on the thread that runs them.
void renew();
// Before and after the fibres run: all that was done alone comes before all that they do, and that
// before what is done alone later.
void fork();
void join();

}  // namespace vmafuzz::native::clocks

#endif  // VMAFUZZ_NATIVE_CLOCKS_H_
