/* context_x86_64.S - the switch for x86-64, System V calling convention
 *
 * A suspended stack, upwards from its saved stack pointer:
 *
 *	 0  r15		24  r12		48  where to go on
 *	 8  r14		32  rbx		56  (the caller's frame)
 *	16  r13		40  rbp
 *
 * rbp lies under the return address as in any frame, so saved sp + 40 is a frame pointer from
 * which the suspended stack can be walked.
 *
 * The way out is an indirect jump, not a ret: the processor predicts a ret from the calls it has
 * seen, and those were made on another stack.  notrack, because what follows a call carries no
 * endbr64; compilers mark the jumps of their switch tables the same way.
 *
 * Shadow stacks (SHSTK) would have to be switched too; we do not claim them in the note below, and
 * then the dynamic loader leaves them off.  Indirect branch tracking (IBT) is claimed. */

	.text

	.globl	rota__switch
	.hidden	rota__switch
	.type	rota__switch, @function
	.p2align 6	/* all of it in one cache line */
rota__switch:		/* rdi: void **save_sp, rsi: void *to_sp, rdx: void *value */
	.cfi_startproc
	endbr64
	push	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	push	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	push	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	push	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	push	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r14, 0
	push	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r15, 0
	mov	%rsp, (%rdi)
	mov	%rsi, %rsp	/* from here on the same offsets describe the other stack */
	mov	%rdx, %rax
	pop	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_same_value %r15
	pop	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_same_value %r14
	pop	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_same_value %r13
	pop	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_same_value %r12
	pop	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_same_value %rbx
	pop	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_same_value %rbp
	pop	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rcx
	notrack jmp *%rcx
	.cfi_endproc
	.size	rota__switch, . - rota__switch

/* Where a new stack begins: rota__context_make() left the entry function in rbx, 0 in rbp and the
 * stack pointer aligned; rota__switch() put the value in rax.  No return address: unwinders see an
 * undefined one and stop, frame-pointer walks read rbp = 0 and stop. */
	.type	context_start, @function
	.p2align 4
context_start:
	.cfi_startproc
	.cfi_undefined %rip
	nop			/* unwinders look up the byte before a return address: see that it */
.Lfirst:			/* belongs to us while the context was never entered */
	endbr64
	mov	%rax, %rdi
	lea	.Lend(%rip), %rcx
	push	%rcx		/* where a call would return to; but a call is */
	jmp	*%rbx		/* remembered, and upsets the prediction of returns when the stack is left */
.Lend:	ud2			/* entry functions do not return */
	.cfi_endproc
	.size	context_start, . - context_start

	.globl	rota__context_make
	.hidden	rota__context_make
	.type	rota__context_make, @function
	.p2align 4
rota__context_make:	/* rdi: void *stack_top, rsi: void (*entry)(void *) */
	.cfi_startproc
	endbr64
	and	$-16, %rdi
	lea	.Lfirst(%rip), %rcx
	lea	-56(%rdi), %rax
	mov	%rcx, 48(%rax)
	movq	$0, 40(%rax)		/* rbp: the end of the frame chain */
	mov	%rsi, 32(%rax)		/* rbx */
	ret				/* r12 - r15 start as whatever lies there */
	.cfi_endproc
	.size	rota__context_make, . - rota__context_make

	.section .note.GNU-stack, "", @progbits

	.section .note.gnu.property, "a"
	.p2align 3
	.long	4		/* length of the name */
	.long	16		/* length of the description */
	.long	5		/* NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000002	/* GNU_PROPERTY_X86_FEATURE_1_AND */
	.long	4
	.long	1		/* GNU_PROPERTY_X86_FEATURE_1_IBT */
	.long	0
